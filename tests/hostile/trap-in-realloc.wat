;; Falls over when it is asked for memory. expect: trap: unreachable
  (import "watchfire:detector/batches@0.1.0" "[method]batch.block-hash" (func $hash (param i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (global.set $heap (i32.const -1))
    (call $hash (local.get 0) (i32.const 3072))
    (i32.const 768))
  ;;; realloc
  (func $realloc (param i32 i32 i32 i32) (result i32)
    (if (i32.eq (global.get $heap) (i32.const -1)) (then (unreachable)))
    (i32.const 65536))
