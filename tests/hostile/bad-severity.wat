;; Has a severity that there is not. expect: trap
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store8 (i32.const 648) (i32.const 99))
    (i32.const 768))
