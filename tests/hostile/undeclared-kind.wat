;; Finds what it never said that it looks for. expect: undeclared-kind: state
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store (i32.const 640) (i32.const 80))
    (i32.store (i32.const 644) (i32.const 5))
    (i32.const 768))
