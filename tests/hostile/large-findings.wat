;; Gives a hundred findings, each just small enough. expect: findings: bytes on one batch, 1048576 are allowed
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $at i32)
    (memory.fill (i32.const 65536) (i32.const 97) (i32.const 16000))
    (i32.store (i32.const 660) (i32.const 65536))
    (i32.store (i32.const 664) (i32.const 16000))
    (local.set $at (i32.const 4096))
    (loop $copy
      (memory.copy (local.get $at) (i32.const 640) (i32.const 84))
      (local.set $at (i32.add (local.get $at) (i32.const 84)))
      (br_if $copy (i32.lt_u (local.get $at) (i32.const 12496))))
    (i32.store (i32.const 772) (i32.const 4096))
    (i32.store (i32.const 776) (i32.const 100))
    (i32.const 768))
