;; Finds the same thing five hundred times. expect: findings: 500
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $at i32)
    (local.set $at (i32.const 4096))
    (loop $copy
      (memory.copy (local.get $at) (i32.const 640) (i32.const 84))
      (local.set $at (i32.add (local.get $at) (i32.const 84)))
      (br_if $copy (i32.lt_u (local.get $at) (i32.const 46096))))
    (i32.store (i32.const 772) (i32.const 4096))
    (i32.store (i32.const 776) (i32.const 500))
    (i32.const 768))
