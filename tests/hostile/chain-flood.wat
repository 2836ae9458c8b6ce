;; Asks the chain ten thousand times. expect: ok: guest
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $left i32)
    (local.set $left (i32.const 10000))
    (loop $more
      (call $balance (i32.const 4096) (i32.const 20) (i32.const 3072))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.const 768))
