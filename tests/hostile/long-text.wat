;; Has a title of a hundred thousand letters. expect: invalid-finding: bytes of text
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (memory.fill (i32.const 4096) (i32.const 97) (i32.const 100000))
    (i32.store (i32.const 652) (i32.const 4096))
    (i32.store (i32.const 656) (i32.const 100000))
    (i32.const 768))
