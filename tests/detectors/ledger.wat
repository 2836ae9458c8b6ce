;; A detector whose state and findings depend on everything that it was shown, and in which order: a number in its state
;; is mixed with each block's chain, height and time, with the newest block's where a feed speaks, and with the findings
;; that it hears of. Keys come and go with it. Where its config is not empty, it hears of the findings of others.
(module
  (import "watchfire:detector/state@0.1.0" "get" (func $get (param i32 i32 i32)))
  (import "watchfire:detector/state@0.1.0" "put" (func $put (param i32 i32 i32 i32 i32)))
  (import "watchfire:detector/state@0.1.0" "delete" (func $delete (param i32 i32)))
  (import "watchfire:detector/batches@0.1.0" "[resource-drop]batch" (func $drop (param i32)))
  (import "watchfire:detector/batches@0.1.0" "[method]batch.chain-id" (func $chain-id (param i32) (result i64)))
  (import "watchfire:detector/batches@0.1.0" "[method]batch.block-number" (func $block-number (param i32) (result i64)))
  (import "watchfire:detector/batches@0.1.0" "[method]batch.timestamp-s" (func $timestamp-s (param i32) (result i64)))
  (import "watchfire:detector/batches@0.1.0" "[method]batch.findings" (func $findings (param i32 i32)))
  (memory (export "memory") 2)
  (global $heap (mut i32) (i32.const 65536))
  (global $number (mut i64) (i64.const 0))

  (data (i32.const 16) "ledger")
  (data (i32.const 32) "0.1.0")
  (data (i32.const 48) "{}")
  (data (i32.const 64) "odd-thing")
  (data (i32.const 80) "state")
  (data (i32.const 96) "feeds")
  (data (i32.const 112) "findings")
  (data (i32.const 160) "price")

  ;; finding-kind at 256: id, severity, description, runbook
  (data (i32.const 256) "\40\00\00\00\09\00\00\00" "\02\00\00\00" "\10\00\00\00\06\00\00\00" "\00\00\00\00\00\00\00\00")
  ;; capabilities at 320: "state", "feeds", "findings"
  (data (i32.const 320) "\50\00\00\00\05\00\00\00" "\60\00\00\00\05\00\00\00" "\70\00\00\00\08\00\00\00")
  ;; manifest at 384: name, version, summary, finding kinds, capabilities, schema
  (data (i32.const 384)
    "\10\00\00\00\06\00\00\00" "\20\00\00\00\05\00\00\00" "\10\00\00\00\06\00\00\00"
    "\00\01\00\00\01\00\00\00" "\40\01\00\00\03\00\00\00" "\30\00\00\00\02\00\00\00")
  ;; start's result at 448 with two subscriptions, at 464 with all three
  (data (i32.const 448) "\00\00\00\00" "\00\02\00\00" "\02\00\00\00")
  (data (i32.const 464) "\00\00\00\00" "\00\02\00\00" "\03\00\00\00")
  ;; subscriptions at 512, 40 bytes each: every-blocks(1), feed("price"), findings of anybody
  (data (i32.const 512) "\07\00\00\00\00\00\00\00" "\01\00\00\00\00\00\00\00")
  (data (i32.const 552) "\05\00\00\00\00\00\00\00" "\a0\00\00\00\05\00\00\00")
  (data (i32.const 592) "\06\00\00\00\00\00\00\00")
  ;; a finding at 640: kind, severity and confidence, title, description, subject, and nothing else
  (data (i32.const 640)
    "\40\00\00\00\09\00\00\00" "\02\32\00\00" "\10\00\00\00\06\00\00\00" "\10\00\00\00\06\00\00\00"
    "\10\00\00\00\06\00\00\00" "\10\00\00\00\06\00\00\00")
  ;; on-batch's result at 768: ok, one finding; at 784: ok, none
  (data (i32.const 768) "\00\00\00\00" "\80\02\00\00" "\01\00\00\00")
  ;; keys: the number's at 1024, one of eight others at 1028
  (data (i32.const 1024) "n")
  (data (i32.const 1028) "k-")

  (func $describe (result i32) (i32.const 384))
  (func $start (param $config i32) (param $length i32) (result i32)
    (select (i32.const 464) (i32.const 448) (i32.gt_u (local.get $length) (i32.const 2))))

  (func $mix (param $with i64)
    (global.set $number
      (i64.add
        (i64.mul (i64.add (global.get $number) (local.get $with)) (i64.const 6364136223846793005))
        (i64.const 1442695040888963407))))
  (func $bits (param $from i64) (param $below i64) (result i32)
    (i32.wrap_i64 (i64.rem_u (i64.shr_u (global.get $number) (local.get $from)) (local.get $below))))

  (func $on-batch (param $batch i32) (result i32)
    (local $row i32)
    (local $left i32)
    ;; What is in the state, not what is in memory: 0 where there is none.
    (global.set $number (i64.const 0))
    (call $get (i32.const 1024) (i32.const 1) (i32.const 1040))
    (if (i32.load8_u (i32.const 1040))
      (then (global.set $number (i64.load (i32.load (i32.const 1044))))))
    (call $mix (call $chain-id (local.get $batch)))
    (call $mix (call $block-number (local.get $batch)))
    (call $mix (call $timestamp-s (local.get $batch)))
    ;; Rows of 100 bytes; the finding's confidence is the 26th of them.
    (call $findings (local.get $batch) (i32.const 1056))
    (local.set $row (i32.load (i32.const 1056)))
    (local.set $left (i32.load (i32.const 1060)))
    (block $heard
      (loop $next
        (br_if $heard (i32.eqz (local.get $left)))
        (call $mix (i64.load8_u offset=25 (local.get $row)))
        (local.set $row (i32.add (local.get $row) (i32.const 100)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next)))
    (i64.store (i32.const 1072) (global.get $number))
    (call $put (i32.const 1024) (i32.const 1) (i32.const 1072) (i32.const 8) (i32.const 1088))
    (i32.store8 (i32.const 1030) (i32.add (i32.const 48) (call $bits (i64.const 20) (i64.const 8))))
    (if (call $bits (i64.const 24) (i64.const 3))
      (then (call $put (i32.const 1028) (i32.const 3) (i32.const 1072) (i32.const 8) (i32.const 1088)))
      (else (call $delete (i32.const 1028) (i32.const 3))))
    (if (result i32) (call $bits (i64.const 40) (i64.const 3))
      (then (i32.const 784))
      (else
        (i32.store8 (i32.const 649) (call $bits (i64.const 33) (i64.const 101)))
        (i32.store8 (i32.const 648) (call $bits (i64.const 50) (i64.const 5)))
        (i32.const 768))))

  ;; A batch is only lent: it must be given back before the call ends.
  (func $given-back (param $batch i32) (result i32)
    (local $result i32)
    (local.set $result (call $on-batch (local.get $batch)))
    (call $drop (local.get $batch))
    (local.get $result))
  (func $realloc (param $old i32) (param $had i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
    ;; What came long ago is not looked at any more.
    (if (i32.gt_u (i32.add (local.get $at) (local.get $size)) (i32.const 131072))
      (then (local.set $at (i32.const 65536))))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (export "cabi_realloc" (func $realloc))
  (export "watchfire:detector/guest@0.1.0#describe" (func $describe))
  (export "watchfire:detector/guest@0.1.0#start" (func $start))
  (export "watchfire:detector/guest@0.1.0#on-batch" (func $given-back)))
