;; Ends the batch by an error that would clear the terminal. expect: error: gone
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store (i32.const 768) (i32.const 1))
    (i32.store (i32.const 772) (i32.const 128))
    (i32.store (i32.const 776) (i32.const 8))
    (i32.const 768))
