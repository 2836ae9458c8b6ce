;; Divides by zero. expect: trap: divide by zero
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.div_u (i32.const 768) (i32.const 0)))
