;; Has the host write past the end of its memory. expect: trap: realloc return
  (import "watchfire:detector/batches@0.1.0" "[method]batch.block-hash" (func $hash (param i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (global.set $heap (i32.const -1))
    (call $hash (local.get 0) (i32.const 3072))
    (i32.const 768))
  ;;; realloc
  (func $realloc (param i32 i32 i32 i32) (result i32)
    (select (i32.const -8) (i32.const 65536) (i32.eq (global.get $heap) (i32.const -1))))
