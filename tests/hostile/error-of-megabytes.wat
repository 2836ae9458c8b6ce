;; Ends the batch by an error of six megabytes. expect: transfer: more than 4194304 bytes at once
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (drop (memory.grow (i32.const 100)))
    (memory.fill (i32.const 65536) (i32.const 97) (i32.const 6000000))
    (i32.store (i32.const 768) (i32.const 1))
    (i32.store (i32.const 772) (i32.const 65536))
    (i32.store (i32.const 776) (i32.const 6000000))
    (i32.const 768))
