;; Reads the host's environment, arguments and folders. expect: ok: guest
  (import "wasi:cli/environment@0.2.0" "get-environment" (func $environment (param i32)))
  (import "wasi:cli/environment@0.2.0" "get-arguments" (func $arguments (param i32)))
  (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $folders (param i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $environment (i32.const 3072))
    (call $arguments (i32.const 3080))
    (call $folders (i32.const 3088))
    (if (i32.or (i32.or (i32.load (i32.const 3076)) (i32.load (i32.const 3084))) (i32.load (i32.const 3092))) (then (unreachable)))
    (i32.const 768))
