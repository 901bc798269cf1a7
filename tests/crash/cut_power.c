/* Ends an ext4 file system as a power failure does: nothing that is not on the disk gets there any more.
 * Only unmounting is possible afterwards.
 *
 *   cut_power FOLDER
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define EXT4_IOC_SHUTDOWN _IOR('X', 125, uint32_t)
#define WITHOUT_FLUSHING_THE_JOURNAL 2

int main(int argc, char **argv) {
    uint32_t how = WITHOUT_FLUSHING_THE_JOURNAL;
    int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;
    if (fd < 0 || ioctl(fd, EXT4_IOC_SHUTDOWN, &how) != 0) {
        perror("cut_power");
        return 1;
    }
    return 0;
}
