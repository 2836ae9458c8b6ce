;; A well-behaved detector, written by hand against the core ABI: it wants each block and finds one thing in it.
;; Each file beside this one replaces some of its functions by a trick; `;;; NAME` marks what may be replaced.
(module
  (import "watchfire:detector/log@0.1.0" "write" (func $log (param i32 i32 i32)))
  (import "watchfire:detector/state@0.1.0" "put" (func $put (param i32 i32 i32 i32 i32)))
  (import "watchfire:detector/chain@0.1.0" "balance" (func $balance (param i32 i32 i32)))
  (import "watchfire:detector/batches@0.1.0" "[resource-drop]batch" (func $drop (param i32)))
  (memory (export "memory") 2)
  (global $heap (mut i32) (i32.const 65536))

  (data (i32.const 16) "guest")
  (data (i32.const 32) "0.1.0")
  (data (i32.const 48) "{}")
  (data (i32.const 64) "odd-thing")
  (data (i32.const 80) "state")
  (data (i32.const 96) "chain")
  (data (i32.const 128) "\1b[2Jgone")
  (data (i32.const 144) "\ff\fe\fd")

  ;; finding-kind at 256: id, severity, description, runbook
  (data (i32.const 256) "\40\00\00\00\09\00\00\00" "\02\00\00\00" "\10\00\00\00\05\00\00\00" "\00\00\00\00\00\00\00\00")
  ;; capabilities at 320: "state", "chain"
  (data (i32.const 320) "\50\00\00\00\05\00\00\00" "\60\00\00\00\05\00\00\00")
  ;; manifest at 384: name, version, summary, finding kinds, capabilities, schema
  (data (i32.const 384)
    "\10\00\00\00\05\00\00\00" "\20\00\00\00\05\00\00\00" "\10\00\00\00\05\00\00\00"
    "\00\01\00\00\01\00\00\00" "\40\01\00\00\02\00\00\00" "\30\00\00\00\02\00\00\00")
  ;; one subscription at 512: every-blocks(1)
  (data (i32.const 512) "\07\00\00\00\00\00\00\00" "\01\00\00\00\00\00\00\00")
  ;; start's result at 576: ok, one subscription
  (data (i32.const 576) "\00\00\00\00" "\00\02\00\00" "\01\00\00\00")
  ;; a finding at 640: kind, severity and confidence, title, description, subject, and nothing else
  (data (i32.const 640)
    "\40\00\00\00\09\00\00\00" "\02\32\00\00" "\10\00\00\00\05\00\00\00" "\10\00\00\00\05\00\00\00"
    "\10\00\00\00\05\00\00\00" "\10\00\00\00\05\00\00\00")
  ;; on-batch's result at 768: ok, one finding
  (data (i32.const 768) "\00\00\00\00" "\80\02\00\00" "\01\00\00\00")

  ;;; describe
  (func $describe (result i32) (i32.const 384))
  ;;; start
  (func $start (param i32 i32) (result i32) (i32.const 576))
  ;;; on-batch
  (func $on-batch (param i32) (result i32) (i32.const 768))
  ;;; end

  ;; A batch is only lent: it must be given back before the call ends.
  ;;; given-back
  (func $given-back (param $batch i32) (result i32)
    (local $result i32)
    (local.set $result (call $on-batch (local.get $batch)))
    (call $drop (local.get $batch))
    (local.get $result))
  ;;; realloc
  (func $realloc (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
    ;; What came long ago is not looked at any more.
    (if (i32.gt_u (i32.add (local.get $at) (local.get $size)) (i32.const 131072))
      (then (local.set $at (i32.const 65536))))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  ;;; exports
  (export "cabi_realloc" (func $realloc))
  (export "watchfire:detector/guest@0.1.0#describe" (func $describe))
  (export "watchfire:detector/guest@0.1.0#start" (func $start))
  (export "watchfire:detector/guest@0.1.0#on-batch" (func $given-back)))
