;; Proves one finding by a transaction whose hash has five bytes. expect: invalid-finding: a transaction hash of 5 bytes
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store (i32.const 4096) (i32.const 16))
    (i32.store (i32.const 4100) (i32.const 5))
    (i32.store (i32.const 684) (i32.const 4096))
    (i32.store (i32.const 688) (i32.const 1))
    (i32.const 768))
