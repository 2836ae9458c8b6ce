;; Writes under a key of minus one bytes. expect: trap: out of bounds
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $put (i32.const 16) (i32.const -1) (i32.const 4096) (i32.const 8) (i32.const 3072))
    (i32.const 768))
