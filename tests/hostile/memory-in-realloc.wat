;; Takes a megabyte for each answer that the host gives it. expect: ok: guest
  (import "watchfire:detector/batches@0.1.0" "[method]batch.block-hash" (func $hash (param i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $left i32)
    (local.set $left (i32.const 1000))
    (loop $more
      (call $hash (local.get 0) (i32.const 3072))
      (br_if $more (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (i32.const 768))
  ;;; realloc
  (func $realloc (param i32 i32 i32 i32) (result i32)
    (drop (memory.grow (i32.const 16)))
    (i32.const 65536))
