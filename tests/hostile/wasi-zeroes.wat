;; Prints as many zeroes as there can be. expect: trap: more zeroes than
  (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
  (import "wasi:io/streams@0.2.0" "[method]output-stream.write-zeroes" (func $zeroes (param i32 i64 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $zeroes (call $stdout) (i64.const -1) (i32.const 3072))
    (i32.const 768))
