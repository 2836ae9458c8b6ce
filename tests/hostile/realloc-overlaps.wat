;; Has the host write everything to one place, on top of its own config. expect: ok: guest
  (import "watchfire:detector/batches@0.1.0" "[method]batch.block-hash" (func $hash (param i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $hash (local.get 0) (i32.const 65536))
    (call $hash (local.get 0) (i32.const 65540))
    (i32.const 768))
  ;;; realloc
  (func $realloc (param i32 i32 i32 i32) (result i32) (i32.const 65536))
