;; Asks for the balance of nothing. expect: ok: guest
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $balance (i32.const 4096) (i32.const 3) (i32.const 3072))
    (i32.const 768))
