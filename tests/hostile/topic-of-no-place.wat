;; Asks for the two hundred and fifty-fifth topic, and the hash of the last transaction there can be. expect: ok: guest
  (import "watchfire:detector/batches@0.1.0" "[method]batch.log-topics" (func $topics (param i32 i32 i32)))
  (import "watchfire:detector/batches@0.1.0" "[method]batch.transaction-hash" (func $of (param i32 i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $topics (local.get 0) (i32.const 255) (i32.const 3072))
    (call $of (local.get 0) (i32.const -1) (i32.const 3072))
    (if (i32.load (i32.const 3076)) (then (unreachable)))
    (i32.const 768))
