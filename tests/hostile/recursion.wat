;; Calls itself until its stack is gone. expect: stack: deeper than its stack of 524288 bytes
  ;;; on-batch
  (func $on-batch (param i32) (result i32) (call $on-batch (i32.add (local.get 0) (i32.const 1))))
