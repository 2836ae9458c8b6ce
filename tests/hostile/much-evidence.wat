;; Proves one finding by a thousand logs. expect: invalid-finding: a list of 1000, 256 are allowed
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store (i32.const 692) (i32.const 4096))
    (i32.store (i32.const 696) (i32.const 1000))
    (i32.const 768))
