;; Writes lines of a megabyte. expect: ok: guest
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $left i32)
    (drop (memory.grow (i32.const 20)))
    (memory.fill (i32.const 65536) (i32.const 27) (i32.const 1048576))
    (local.set $left (i32.const 50))
    (loop $more
      (call $log (i32.const 2) (i32.const 65536) (i32.const 1048576))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.const 768))
