;; Lost an amount that is no number. expect: invalid-finding: `0.1.0`, which is no whole number
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    ;; asset and value
    (i32.store (i32.const 4096) (i32.const 16))
    (i32.store (i32.const 4100) (i32.const 5))
    (i32.store (i32.const 4104) (i32.const 32))
    (i32.store (i32.const 4108) (i32.const 5))
    (i32.store (i32.const 700) (i32.const 4096))
    (i32.store (i32.const 704) (i32.const 1))
    (i32.const 768))
