;; Would clear the terminal of whoever reads it. expect: ok: gone
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store (i32.const 652) (i32.const 128))
    (i32.store (i32.const 656) (i32.const 8))
    (i32.const 768))
