;; Writes a hundred thousand lines. expect: ok: guest
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $left i32)
    (local.set $left (i32.const 100000))
    (loop $more
      (call $log (i32.const 1) (i32.const 16) (i32.const 5))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.const 768))
