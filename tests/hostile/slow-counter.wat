;; Counts blocks in its state under a key that is empty, and takes its time over it. expect: ok: guest
  (import "watchfire:detector/state@0.1.0" "get" (func $get (param i32 i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $left i32)
    (local.set $left (i32.const 30000000))
    (loop $more
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    ;; What was counted so far goes to 3088, or stays 0.
    (i64.store (i32.const 3088) (i64.const 0))
    (call $get (i32.const 3072) (i32.const 0) (i32.const 3072))
    (if (i32.load8_u (i32.const 3072))
      (then (i64.store (i32.const 3088) (i64.load (i32.load (i32.const 3076))))))
    (i64.store (i32.const 3088) (i64.add (i64.load (i32.const 3088)) (i64.const 1)))
    (call $put (i32.const 3072) (i32.const 0) (i32.const 3088) (i32.const 8) (i32.const 3104))
    (i32.const 768))
