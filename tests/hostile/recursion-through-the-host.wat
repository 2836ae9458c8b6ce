;; Calls the host from ever deeper on its stack. expect: stack: deeper than its stack
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $log (i32.const 0) (i32.const 16) (i32.const 5))
    (call $on-batch (local.get 0)))
