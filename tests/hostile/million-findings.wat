;; Says that it found a million things. expect: trap
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store (i32.const 776) (i32.const 1000000))
    (i32.const 768))
