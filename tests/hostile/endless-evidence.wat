;; Proves one finding by a list that goes on past its memory. expect: trap: out of bounds
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store (i32.const 684) (i32.const 4096))
    (i32.store (i32.const 688) (i32.const -1))
    (i32.const 768))
