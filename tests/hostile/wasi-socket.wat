;; Opens sockets. expect: ok: guest
  (import "wasi:sockets/tcp-create-socket@0.2.0" "create-tcp-socket" (func $open (param i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $open (i32.const 0) (i32.const 3072))
    ;; refused
    (if (i32.ne (i32.load8_u (i32.const 3072)) (i32.const 1)) (then (unreachable)))
    (i32.const 768))
