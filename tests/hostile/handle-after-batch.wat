;; Gives a batch back twice. expect: trap
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $drop (local.get 0))
    (i32.const 768))
