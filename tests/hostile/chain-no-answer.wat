;; Asks the chain what no node ever answers. expect: deadline: longer than 200 ms
  (import "watchfire:detector/chain@0.1.0" "call" (func $call (param i32 i32 i32 i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (i32.store8 (i32.const 4128) (i32.const 0xbd))
    (call $call (i32.const 4096) (i32.const 20) (i32.const 4128) (i32.const 8) (i32.const 3072))
    (i32.const 768))
