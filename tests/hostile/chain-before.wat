;; Asks who was paid for the block, and for a balance before it: of the first block nobody knows the one before. expect: ok: guest
  (import "watchfire:detector/chain@0.1.0" "balance-before" (func $balance-before (param i32 i32 i32)))
  (import "watchfire:detector/batches@0.1.0" "[method]batch.beneficiary" (func $beneficiary (param i32 i32)))
  ;;; on-batch
  (func $on-batch (param $batch i32) (result i32)
    (call $beneficiary (local.get $batch) (i32.const 3072))
    (if (i32.ne (i32.load (i32.const 3076)) (i32.const 20)) (then (unreachable)))
    (if (i32.ne (i32.load8_u (i32.load (i32.const 3072))) (i32.const 9)) (then (unreachable)))
    (call $balance-before (i32.const 4096) (i32.const 20) (i32.const 3072))
    (i32.const 768))
