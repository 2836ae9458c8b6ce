;; Writes megabytes until it is told that it is enough. expect: ok: guest
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $left i32)
    (drop (memory.grow (i32.const 20)))
    (local.set $left (i32.const 10))
    (loop $more
      (i32.store (i32.const 2048) (local.get $left))
      (call $put (i32.const 2048) (i32.const 4) (i32.const 65536) (i32.const 1000000) (i32.const 3072))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    ;; the last one was refused: `quota`
    (if (i32.ne (i32.load8_u (i32.const 3072)) (i32.const 1)) (then (unreachable)))
    (if (i32.ne (i32.load (i32.const 3080)) (i32.const 5)) (then (unreachable)))
    (i32.const 768))
