;; Ends the process that it runs in. expect: trap: exit
  (import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $exit (i32.const 1))
    (i32.const 768))
