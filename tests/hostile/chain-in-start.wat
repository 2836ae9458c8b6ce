;; Asks the chain when it starts, where there is no block. expect: ok: guest
  ;;; start
  (func $start (param i32 i32) (result i32)
    (call $balance (i32.const 4096) (i32.const 20) (i32.const 3072))
    (if (i32.ne (i32.load8_u (i32.const 3072)) (i32.const 1)) (then (unreachable)))
    (i32.const 576))
