/** The functions of WASI preview 1 that guests here import. The file's name is the import module's name. */

export declare function fd_read(fd: i32, iovecs: usize, count: i32, bytesRead: usize): i32;
export declare function fd_write(fd: i32, iovecs: usize, count: i32, bytesWritten: usize): i32;
export declare function fd_fdstat_get(fd: i32, stat: usize): i32;
export declare function proc_exit(code: i32): void;
export declare function random_get(address: usize, length: i32): i32;

export declare function fd_allocate(fd: i32, offset: i64, length: i64): i32;
export declare function fd_close(fd: i32): i32;
export declare function fd_filestat_get(fd: i32, stat: usize): i32;
export declare function fd_filestat_set_size(fd: i32, size: i64): i32;
export declare function fd_pread(fd: i32, iovecs: usize, count: i32, offset: i64, bytesRead: usize): i32;
export declare function fd_pwrite(fd: i32, iovecs: usize, count: i32, offset: i64, bytesWritten: usize): i32;
export declare function fd_readdir(fd: i32, buffer: usize, length: i32, cookie: i64, used: usize): i32;
export declare function fd_seek(fd: i32, offset: i64, whence: i32, position: usize): i32;
export declare function path_create_directory(fd: i32, path: usize, length: i32): i32;
export declare function path_filestat_get(fd: i32, lookup: i32, path: usize, length: i32, stat: usize): i32;
export declare function path_link(
  fd: i32,
  lookup: i32,
  path: usize,
  length: i32,
  newFd: i32,
  newPath: usize,
  newLength: i32,
): i32;
export declare function path_open(
  fd: i32,
  lookup: i32,
  path: usize,
  length: i32,
  openFlags: i32,
  rights: u64,
  inheriting: u64,
  fdFlags: i32,
  opened: usize,
): i32;
export declare function path_remove_directory(fd: i32, path: usize, length: i32): i32;
export declare function path_rename(fd: i32, path: usize, length: i32, newFd: i32, newPath: usize, newLength: i32): i32;
export declare function path_symlink(target: usize, targetLength: i32, fd: i32, path: usize, length: i32): i32;
export declare function path_unlink_file(fd: i32, path: usize, length: i32): i32;
