;; Asks a contract that answers with more than anybody is given. expect: ok: guest
  (import "watchfire:detector/chain@0.1.0" "call" (func $call (param i32 i32 i32 i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store8 (i32.const 4128) (i32.const 0xbc))
    (call $call (i32.const 4096) (i32.const 20) (i32.const 4128) (i32.const 8) (i32.const 3072))
    ;; `unavailable`
    (if (i32.ne (i32.load8_u (i32.const 3072)) (i32.const 1)) (then (unreachable)))
    (if (i32.ne (i32.load (i32.const 3080)) (i32.const 11)) (then (unreachable)))
    (i32.const 768))
