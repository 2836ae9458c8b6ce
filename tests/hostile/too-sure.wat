;; Is two hundred percent sure. expect: invalid-finding: 200 percent
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store8 (i32.const 649) (i32.const 200))
    (i32.const 768))
