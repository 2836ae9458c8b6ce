;; Speaks no UTF-8. expect: trap
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store (i32.const 652) (i32.const 144))
    (i32.store (i32.const 656) (i32.const 3))
    (i32.const 768))
