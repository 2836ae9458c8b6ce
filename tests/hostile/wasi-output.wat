;; Prints for ever. expect: deadline: longer than 200 ms
  (import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
  (import "wasi:io/streams@0.2.0" "[method]output-stream.write" (func $print (param i32 i32 i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (local $out i32)
    (local.set $out (call $stdout))
    (loop $again (call $print (local.get $out) (i32.const 4096) (i32.const 4096) (i32.const 3072)) (br $again))
    (unreachable))
