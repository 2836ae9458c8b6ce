;; Keeps in guest memory what it should keep in its state: its title counts batches. expect: ok: guest0
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store (i32.const 652) (i32.const 4096))
    (i32.store (i32.const 656) (i32.const 6))
    (i32.store8 (i32.const 4101) (i32.add (i32.const 48) (i32.rem_u (global.get $batches) (i32.const 10))))
    (global.set $batches (i32.add (global.get $batches) (i32.const 1)))
    (i32.const 768))
  ;;; end
  (global $batches (mut i32) (i32.const 0))
  (data (i32.const 4096) "guest ")
