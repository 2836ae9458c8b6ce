;; Takes its time over each block, and finds what it should. expect: ok: guest
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $left i32)
    (local.set $left (i32.const 30000000))
    (loop $more
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.const 768))
