;; Gives a hundred findings, each with the same ten megabytes for a title. expect: transfer: more than 4194304 bytes at once
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $at i32)
    (drop (memory.grow (i32.const 200)))
    (memory.fill (i32.const 131072) (i32.const 97) (i32.const 10000000))
    (i32.store (i32.const 652) (i32.const 131072))
    (i32.store (i32.const 656) (i32.const 10000000))
    (local.set $at (i32.const 4096))
    (loop $copy
      (memory.copy (local.get $at) (i32.const 640) (i32.const 84))
      (local.set $at (i32.add (local.get $at) (i32.const 84)))
      (br_if $copy (i32.lt_u (local.get $at) (i32.const 12496))))
    (i32.store (i32.const 772) (i32.const 4096))
    (i32.store (i32.const 776) (i32.const 100))
    (i32.const 768))
