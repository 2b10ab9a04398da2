# SPDX-License-Identifier: BSL-1.0
#
# Runs one of SQLite's scripts with the volume's VFS as the default one: where the script asks the
# system for a file that the volume has, it is the volume that answers.
#
# usage: testfixture script.tcl LIBRARY SCRIPT

set library [lindex $argv 0]
set script [lindex $argv 1]
load $library Coramfs

# Names are seen as SQLite sees them: below the root. Those below the working directory of the system
# are, too.
proc in_volume {path} {
  set here [pwd]/
  if {[string first $here $path] == 0} { set path [string range $path [string length $here] end] }
  return $path
}

rename file host_file
proc file {what args} {
  set names {}
  foreach word $args { if {$word ne "-force" && $word ne "--"} { lappend names [in_volume $word] } }
  set first [lindex $names 0]
  switch -- $what {
    exists { if {[volume exists $first]} { return 1 } }
    size { if {[volume exists $first]} { return [volume size $first] } }
    isfile { if {[volume exists $first]} { return 1 } }
    mtime { if {[volume exists $first]} { return 0 } }
    delete {
      foreach name $names { if {[volume exists $name]} { volume delete $name } }
    }
    copy - rename {
      if {[llength $names] == 2 && [volume exists $first]} {
        return [volume $what $first [lindex $names 1]]
      }
    }
  }
  uplevel 1 [list host_file $what {*}$args]
}

rename glob host_glob
proc glob {args} {
  set found [uplevel 1 [list host_glob -nocomplain {*}$args]]
  set pattern [file tail [lindex $args end]]
  foreach name [volume names] {
    if {[string match $pattern $name] && $name ni $found} { lappend found $name }
  }
  return $found
}

# Each start of the library makes the system's VFS the default one.
rename sqlite3_initialize host_sqlite3_initialize
proc sqlite3_initialize {} {
  set result [host_sqlite3_initialize]
  volume default
  return $result
}
rename sqlite3 host_sqlite3
proc sqlite3 {args} {
  volume default
  uplevel 1 [list host_sqlite3 {*}$args]
}

# They open the file themselves.
rename hexio_read host_hexio_read
proc hexio_read {path offset count} {
  set path [in_volume $path]
  if {![volume exists $path]} { return [host_hexio_read $path $offset $count] }
  set bytes [string range [volume read $path] $offset [expr {$offset + $count - 1}]]
  return [string toupper [binary encode hex $bytes]]
}
rename hexio_write host_hexio_write
proc hexio_write {path offset hex} {
  set path [in_volume $path]
  if {![volume exists $path]} { return [host_hexio_write $path $offset $hex] }
  set bytes [binary decode hex $hex]
  volume write $path $offset $bytes
  return [string length $bytes]
}

# Other processes do not see the volume: of tests that run in several, and again in one, this leaves
# the latter.
set ::G(valgrind) 1

set argv {}
set argc 0
set argv0 $script
source $script
