;; Writes to a state that it never asked for, and is told so. expect: ok: guest
  ;;; describe
  (func $describe (result i32)
    (i32.store (i32.const 420) (i32.const 0))
    (i32.const 384))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $put (i32.const 16) (i32.const 5) (i32.const 4096) (i32.const 8) (i32.const 3072))
    ;; `denied`
    (if (i32.ne (i32.load8_u (i32.const 3072)) (i32.const 1)) (then (unreachable)))
    (if (i32.ne (i32.load (i32.const 3080)) (i32.const 6)) (then (unreachable)))
    (i32.const 768))
