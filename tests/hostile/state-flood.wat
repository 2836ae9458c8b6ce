;; Writes to its state without end. expect: ok: guest
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $left i32)
    (local.set $left (i32.const 10000))
    (loop $more
      (i32.store (i32.const 2048) (local.get $left))
      (call $put (i32.const 2048) (i32.const 4) (i32.const 4096) (i32.const 512) (i32.const 3072))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.const 768))
