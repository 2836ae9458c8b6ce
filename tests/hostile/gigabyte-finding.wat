;; Says that its title has a gigabyte. expect: trap: out of bounds
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store (i32.const 652) (i32.const 0))
    (i32.store (i32.const 656) (i32.const 1073741824))
    (i32.const 768))
