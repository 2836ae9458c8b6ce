;; Calls itself for ever without using any stack. expect: deadline: longer than 200 ms
  ;;; on-batch
  (func $on-batch (param i32) (result i32) (return_call $on-batch (local.get 0)))
