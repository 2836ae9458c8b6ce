;; Asks for four billion entries of its state at once. expect: ok: guest
  (import "watchfire:detector/state@0.1.0" "scan" (func $scan (param i32 i32 i32 i32 i32 i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $left i32)
    (local.set $left (i32.const 100))
    (loop $more
      (i32.store (i32.const 2048) (local.get $left))
      (call $put (i32.const 2048) (i32.const 4) (i32.const 4096) (i32.const 32) (i32.const 3072))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (call $scan (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 3072))
    (if (i32.ne (i32.load (i32.const 3076)) (i32.const 100)) (then (unreachable)))
    (i32.const 768))
