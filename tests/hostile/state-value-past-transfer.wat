;; Writes five megabytes at once. expect: transfer: more than 4194304 bytes at once
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (drop (memory.grow (i32.const 90)))
    (call $put (i32.const 16) (i32.const 5) (i32.const 65536) (i32.const 5242880) (i32.const 3072))
    (i32.const 768))
